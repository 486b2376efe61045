import { ERROR_CODES } from './error-code.js';

/** The error codes as lines of a Markdown table, for docs/protocol.md. */
export function errorCodeReference(): string[] {
  return [
    '| code | raised | whose fault | a retry can help | HTTP | meaning |',
    '|---|---|---|---|---|---|',
    ...Object.entries(ERROR_CODES).map(
      ([code, { at, fault, retryable, status, meaning }]) => `| \`${code}\` | ${at === 'door' ? 'at the door' : 'by a run'} | ${fault} | ${retryable ? 'yes' : 'no'} | ${status} | ${meaning} |`,
    ),
  ];
}
