/** One e-mail as it is sent: plain text and HTML say the same. */
export interface EmailMessage {
  to: string;
  subject: string;
  text: string;
  html: string;
  /** The same for every try, so that a repeat is not a second e-mail where the service can tell. */
  messageId: string;
}

/** Sends e-mails. A failure that another try may mend is thrown as `unavailable`; any other is final. */
export interface EmailSender {
  send(message: EmailMessage): Promise<void>;
}
