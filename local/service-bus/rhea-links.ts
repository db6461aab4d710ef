import { Buffer } from 'node:buffer';
import rhea, { type Delivery, type Sender } from 'rhea';
import type { BrokerError } from './errors.ts';

/*
 * What a broker needs of rhea beyond its declared interface, which is that of a client. Each function says why; a change
 * of rhea shows here and nowhere else.
 */

const { types } = rhea;
const acceptedCode = 0x24;
const rejectedCode = 0x25;

function numberOf(target: object, field: string): number {
  const value: unknown = Reflect.get(target, field);
  if (typeof value !== 'number') throw new Error(`rhea has no number "${field}" where it is expected`);
  return value;
}

/** Credit that no transfer claims yet: rhea lowers `credit` only when it has written a transfer that it was given. */
export function freeCredit(sender: Sender): number {
  if (!sender.sendable()) return 0;
  const outgoing: unknown = Reflect.get(sender.session, 'outgoing');
  if (typeof outgoing !== 'object' || outgoing === null)
    throw new Error('rhea has no outgoing deliveries of a session');
  const unwritten = numberOf(outgoing, 'next_delivery_id') - numberOf(outgoing, 'next_pending_delivery');
  return numberOf(sender, 'credit') - unwritten;
}

/**
 * Makes the link answer every drain. By itself rhea stays silent when the credit is used up by then, and the client waits
 * for its time-out.
 */
export function answerDrains(sender: Sender): void {
  Object.assign(sender, {
    _get_drain: (): boolean => {
      if (Reflect.get(sender, '_draining') !== true) return false;
      Object.assign(sender, {
        delivery_count: numberOf(sender, 'delivery_count') + numberOf(sender, 'credit'),
        credit: 0,
      });
      return true;
    },
  });
  // Not at once: the credit that came with the drain is used first, in the turn that it asked for.
  const answer = (): void => {
    if (!sender.is_open()) return;
    sender.set_drained(true);
    const register: unknown = Reflect.get(sender.connection, '_register');
    if (typeof register !== 'function') throw new Error('rhea has no way to ask for a write');
    Reflect.apply(register, sender.connection, []);
  };
  sender.on('sender_draining', () => setImmediate(answer));
}

export function sendLocked(sender: Sender, payload: Buffer, tag: Buffer): void {
  sender.send(payload, tag, 0);
}

/** The receiver asked for settled deliveries; rhea's sender settles by its own attach options, never by the peer's. */
export function sendSettled(sender: Sender, payload: Buffer, tag: Buffer): void {
  Object.assign(sender.send(payload, tag, 0), { settled: true });
}

/**
 * Ends a delivery with the broker's verdict. The receiver settles second and does not answer again, so the delivery
 * counts as settled on both sides from here; otherwise rhea would keep it, and block once it keeps too many.
 */
export function endDelivery(delivery: Delivery, refusal: BrokerError | undefined): void {
  const outcome =
    refusal === undefined
      ? types.wrap_described([], acceptedCode)
      : types.wrap_described(
          [types.wrap_error({ condition: refusal.condition, description: refusal.message })],
          rejectedCode,
        );
  delivery.update(true, outcome);
  Object.assign(delivery, { remote_settled: true });
}

export function tagBytes(delivery: Delivery): Buffer {
  return Buffer.isBuffer(delivery.tag) ? delivery.tag : Buffer.from(delivery.tag);
}
