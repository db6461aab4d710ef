/** One queue as `infra/queues.json` declares it; durations are ISO 8601, and what is left out takes the cloud's default. */
export interface QueueDefinition {
  name: string;
  description?: string;
  lockDuration?: string;
  maxDeliveryCount?: number;
  defaultMessageTimeToLive?: string;
  deadLetteringOnMessageExpiration?: boolean;
  requiresDuplicateDetection?: boolean;
  duplicateDetectionHistoryTimeWindow?: string;
  requiresSession?: boolean;
}

/** A queue with its durations in milliseconds and every default filled in. */
export interface Queue {
  name: string;
  lockDurationMs: number;
  deliveriesMax: number;
  /** Infinity when messages of this queue never expire by themselves. */
  timeToLiveMs: number;
  deadLettersExpired: boolean;
  /** 0 when duplicates are not looked for. */
  duplicateWindowMs: number;
}

const maxLockDurationMs = 5 * 60_000;
const durationPattern =
  /^P(?=.)(?:(\d+(?:\.\d+)?)D)?(?:T(?=.)(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
/** Service Bus writes "for ever" as the longest time span of .NET; anything past a thousand years means the same. */
const foreverMs = 365_000 * 86_400_000;

/** Milliseconds of an ISO 8601 duration in days, hours, minutes and seconds. Throws on anything else. */
export function durationMs(text: string): number {
  const match = durationPattern.exec(text);
  if (match === null) throw new Error(`"${text}" is not an ISO 8601 duration in days, hours, minutes and seconds`);
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  const ms = (((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60_000 + (seconds ?? 0) * 1000;
  return ms >= foreverMs ? Number.POSITIVE_INFINITY : ms;
}

/** Fills in the cloud's defaults. Throws where the cloud would refuse the definition, or where it needs sessions. */
export function resolveQueue(definition: QueueDefinition): Queue {
  const { name } = definition;
  if (!/^[A-Za-z0-9][A-Za-z0-9._/-]{0,259}$/.test(name)) throw new Error(`"${name}" is not a valid queue name`);
  if (definition.requiresSession) throw new Error(`Queue "${name}" requires sessions, which this broker does not have`);
  const lockDurationMs = durationMs(definition.lockDuration ?? 'PT1M');
  if (lockDurationMs <= 0 || lockDurationMs > maxLockDurationMs) {
    throw new Error(`Queue "${name}": the lock duration must be more than 0 and at most 5 minutes`);
  }
  const deliveriesMax = definition.maxDeliveryCount ?? 10;
  if (!Number.isInteger(deliveriesMax) || deliveriesMax < 1) {
    throw new Error(`Queue "${name}": maxDeliveryCount must be a whole number of at least 1`);
  }
  return {
    name,
    lockDurationMs,
    deliveriesMax,
    timeToLiveMs:
      definition.defaultMessageTimeToLive === undefined
        ? Number.POSITIVE_INFINITY
        : durationMs(definition.defaultMessageTimeToLive),
    deadLettersExpired: definition.deadLetteringOnMessageExpiration ?? false,
    duplicateWindowMs: definition.requiresDuplicateDetection
      ? durationMs(definition.duplicateDetectionHistoryTimeWindow ?? 'PT10M')
      : 0,
  };
}
