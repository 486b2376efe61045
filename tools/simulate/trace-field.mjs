// @ts-check
import { SetupError } from '../setup/setup-error.mjs';

/** Longer values are cut where they are shown. */
const SHOWN_LENGTH = 60;

/**
 * A value of a trace that is not trusted yet, with the place where it stands. Each reading gives a value of the kind asked
 * for, or throws a SetupError that names the file, the place, what is there and what would be right.
 */
export class TraceField {
  /** @param {unknown} value @param {string} file @param {string} place such as `tasks[3].seconds`; empty for the whole file */
  constructor(value, file, place = '') {
    this.value = value;
    this.file = file;
    this.place = place;
  }

  get isThere() {
    return this.value !== undefined;
  }

  /**
   * @param {string} right a sentence: what would be right
   * @returns {never}
   */
  refuse(right) {
    const place = this.place === '' ? 'the whole' : this.place;
    const shown = JSON.stringify(this.value) ?? 'missing';
    throw new SetupError(`${this.file}: ${place} is ${shown.length > SHOWN_LENGTH ? `${shown.slice(0, SHOWN_LENGTH)} ...` : shown}.`, right);
  }

  /**
   * @template {string} Name
   * @param {readonly Name[]} names what may be in it; anything else is a slip of the pen
   * @returns {Record<Name, TraceField>}
   */
  object(names) {
    const entries = this.entries();
    for (const [name, field] of entries) if (!names.some((known) => known === name)) field.refuse(`There is no such field; ${this.place || 'a trace'} may have: ${names.join(', ')}.`);
    const there = new Map(entries);
    return /** @type {Record<Name, TraceField>} */ (Object.fromEntries(names.map((name) => [name, there.get(name) ?? this.#at(`.${name}`, undefined)])));
  }

  /** @returns {[string, TraceField][]} */
  entries() {
    if (typeof this.value !== 'object' || this.value === null || Array.isArray(this.value)) this.refuse('It must be an object: {"name": value, ...}.');
    return Object.entries(/** @type {object} */ (this.value)).map(([name, value]) => [name, this.#at(`.${name}`, value)]);
  }

  /** @returns {TraceField[]} at least one */
  list() {
    if (!Array.isArray(this.value) || this.value.length === 0) return this.refuse('It must be a list of at least one: [ ... ].');
    return this.value.map((value, index) => this.#at(`[${index}]`, value));
  }

  /**
   * @param {{ above?: number, atLeast?: number, atMost?: number, whole?: boolean, unit?: string }} bounds
   * @returns {number}
   */
  number({ above = -Infinity, atLeast = -Infinity, atMost = Infinity, whole = false, unit = '' }) {
    const { value } = this;
    if (typeof value === 'number' && Number.isFinite(value) && value > above && value >= atLeast && value <= atMost && (!whole || Number.isInteger(value))) return value;
    const limits = [above > -Infinity ? `more than ${above}` : '', atLeast > -Infinity ? `at least ${atLeast}` : '', atMost < Infinity ? `at most ${atMost}` : ''].filter(Boolean).join(', ');
    return this.refuse(`It must be a ${whole ? 'whole ' : ''}number${unit && ` of ${unit}`}${limits && `, ${limits}`}.`);
  }

  /** @param {Parameters<TraceField['number']>[0]} bounds @param {number} absent what holds where it is not there */
  numberOr(bounds, absent) {
    return this.isThere ? this.number(bounds) : absent;
  }

  /** @param {RegExp} [pattern] @param {string} [right] what the pattern wants, in words */
  text(pattern = /./, right = 'a text that is not empty') {
    return typeof this.value === 'string' && pattern.test(this.value) ? this.value : this.refuse(`It must be ${right}.`);
  }

  flag() {
    if (this.value === undefined) return false;
    return typeof this.value === 'boolean' ? this.value : this.refuse('It must be true or false.');
  }

  /**
   * @template {string} Choice
   * @param {readonly Choice[]} choices
   * @returns {Choice}
   */
  oneOf(choices) {
    return choices.find((choice) => choice === this.value) ?? this.refuse(`It must be one of: ${choices.join(', ')}.`);
  }

  /** @param {string} step @param {unknown} value */
  #at(step, value) {
    return new TraceField(value, this.file, `${this.place}${step}`.replace(/^\./, ''));
  }
}
