/**
 * An error that a user can do something about: bad input, a damaged image, a wrong option. The message is one line that says
 * what is wrong, where (file, entry, line), why, and what to do. Every reader of this library throws this and nothing else for
 * bytes that it was given; whatever else is thrown is a defect.
 */
export class UserError extends Error {
  override readonly name = 'UserError';

  /** @param message may quote what came from outside: control characters in it are shown as `\ooo`, so that it stays a line */
  constructor(message: string) {
    super(
      message.replace(/\p{Cc}/gu, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`),
    );
  }
}
