/** An e-mail that no later try can send. Says nothing of the person or the text: it is logged. */
export class EmailRefused extends Error {
  /** What the service calls it, or `not_configured` or `malformed`. */
  readonly code: string;

  constructor(code: string, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'EmailRefused';
    this.code = code;
  }
}
