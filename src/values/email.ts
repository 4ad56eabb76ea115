/**
 * The address as it is stored: in lower case if it has other than ASCII characters, whose case not every database knows.
 * The address is compared without regard to case.
 */
export function toStoredEmail(email: string): string {
  // oxlint-disable-next-line no-control-regex -- ASCII begins with control characters
  return /[^\x00-\x7f]/.test(email) ? email.normalize('NFC').toLowerCase() : email
}
