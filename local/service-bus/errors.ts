/** A refusal that the client is told about: an AMQP error condition, and the status that management replies carry. */
export class BrokerError extends Error {
  readonly condition: string;
  readonly status: number;

  constructor(condition: string, status: number, description: string) {
    super(description);
    this.name = 'BrokerError';
    this.condition = condition;
    this.status = status;
  }
}

export const lockLost = (): BrokerError =>
  new BrokerError(
    'com.microsoft:message-lock-lost',
    410,
    'The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.',
  );

export const messageNotFound = (sequenceNumber: number): BrokerError =>
  new BrokerError(
    'com.microsoft:message-not-found',
    404,
    `No message with sequence number ${sequenceNumber} is in the state that this operation needs.`,
  );

export const entityNotFound = (path: string): BrokerError =>
  new BrokerError('amqp:not-found', 404, `The messaging entity '${path}' could not be found.`);

export const notImplemented = (what: string): BrokerError =>
  new BrokerError('amqp:not-implemented', 501, `${what} not supported by the local Service Bus stand-in.`);

export const badRequest = (description: string): BrokerError => new BrokerError('amqp:invalid-field', 400, description);

export const tooLarge = (sizeBytes: number, maxBytes: number): BrokerError =>
  new BrokerError(
    'amqp:link:message-size-exceeded',
    413,
    `The message (size: ${sizeBytes}) exceeds the limit (${maxBytes} bytes) currently allowed on the link.`,
  );

/** What is told of an error that is nobody's refusal: a defect of the broker or a full disk. */
export function asBrokerError(error: unknown): BrokerError {
  if (error instanceof BrokerError) return error;
  return new BrokerError('amqp:internal-error', 500, error instanceof Error ? error.message : String(error));
}
