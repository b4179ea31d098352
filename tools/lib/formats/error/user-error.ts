/**
 * An error that a user can correct: bad input, a damaged image, a wrong option. The message is one
 * line that says what is wrong, where (file, entry, line), why, and what to do. For any input
 * bytes, the readers of this library throw only this error. Any other error is a defect.
 */
export class UserError extends Error {
  override readonly name = 'UserError';

  /**
   * @param message may quote input: control characters in it become `\ooo`, so that it stays one
   * line
   */
  constructor(message: string) {
    super(
      message.replace(/\p{Cc}/gu, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`),
    );
  }
}
