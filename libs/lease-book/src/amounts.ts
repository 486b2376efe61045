/** How much of what, by resource: whole numbers from 0, bytes or thousandths of a core (see `resource-id.ts` of scheduling). */
export type Amounts = Readonly<Record<string, number>>;

/**
 * The amounts as decimal digits, the form in which they travel: Lua's own way of writing a number keeps 14 of them.
 * @throws RangeError where one is no whole number from 0 to 2^53 - 1, beyond which neither Lua nor we count exactly.
 */
export function amountTexts(amounts: Amounts): [resource: string, digits: string][] {
  return Object.entries(amounts).map(([resource, amount]) => {
    if (!Number.isSafeInteger(amount) || amount < 0) throw new RangeError(`${amount} of ${resource} is no amount: it must be a whole number from 0 to 2^53 - 1`);
    return [resource, String(amount)];
  });
}
