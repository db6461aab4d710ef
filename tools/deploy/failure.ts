/** Something that a person can put right: its message is shown as it is, without a stack. */
export class DeployError extends Error {
  override name = 'DeployError';
}

/** A call of `az` that failed, in our words; `code` is Azure's own, where it said one. */
export class AzError extends DeployError {
  override name = 'AzError';
  readonly code: string | undefined;
  /** The network or the service was at fault, so that the same call may work in a moment. */
  readonly isTransient: boolean;

  constructor(message: string, code: string | undefined, isTransient = false) {
    super(message);
    this.code = code;
    this.isTransient = isTransient;
  }
}

/** Ctrl-C, or the terminal went away. */
export class Interrupted extends Error {
  override name = 'Interrupted';
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
