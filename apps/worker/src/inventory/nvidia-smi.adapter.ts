/**
 * The NVIDIA driver, through nvidia-smi: the one file that runs it.
 *
 * Owns at most one look: while a program of an earlier look has not ended (a sick driver holds it even against
 * SIGKILL) no other is started, or a host with such a driver would collect them.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { within } from '../lifecycle/within.js';
import type { GpuReading } from './gpu-reading.js';
import { NVIDIA_SMI_QUERY, parseNvidiaSmi } from './parse-nvidia-smi.js';
import { parseNvidiaSmiList } from './parse-nvidia-smi-list.js';
import { replaceMigCards } from './replace-mig-cards.js';

const execute = promisify(execFile);

/** How long nvidia-smi may take; a second or two is usual where no persistence daemon runs. */
const TIMEOUT_MS = 5000;

const NO_DEVICE = 6;

/** A field that this driver does not know. */
const BAD_ARGUMENT = 2;

/** A corrupt infoROM, or a card that fell off the bus, among others that work: what is said of those is right. */
const PARTIAL = [14, 15];

/** As much of the program's complaint as fits into a sentence. */
const COMPLAINT_LENGTH = 300;

interface Answer {
  exitCode: number;
  stdout: string;
  complaint: string;
}

export class NvidiaSmi {
  private ended = true;

  constructor(
    private readonly program: string,
    private readonly timeoutMs = TIMEOUT_MS,
  ) {}

  /**
   * The GPUs of this machine; undefined where the program is not installed. MIG instances stand in place of their cards.
   * @throws Error with what the program said, when the driver fails or does not answer in time
   */
  async read(): Promise<GpuReading | undefined> {
    const answer = await this.run(NVIDIA_SMI_QUERY);
    if (answer === undefined) return undefined;
    if (answer.exitCode === NO_DEVICE) return { devices: [], sick: [] };
    const reading = parseNvidiaSmi(answer.stdout);
    const partial = PARTIAL.includes(answer.exitCode) && reading.devices.length + reading.sick.length > 0;
    if (answer.exitCode !== 0 && !partial) throw failure(answer.complaint);
    // A card in MIG mode does not tell how busy it is; nearly every other one does, so nearly nobody is asked further.
    return reading.devices.every(({ utilization }) => utilization !== undefined) ? reading : this.withMigInstances(reading);
  }

  private async withMigInstances(reading: GpuReading): Promise<GpuReading | undefined> {
    const modes = await this.run(['--query-gpu=uuid,mig.mode.current', '--format=csv,noheader']);
    if (modes === undefined) return undefined;
    // Drivers before 450 know neither the field nor the mode.
    if (modes.exitCode !== 0 && modes.exitCode !== BAD_ARGUMENT && !PARTIAL.includes(modes.exitCode)) throw failure(modes.complaint);
    const migCards = new Set([...modes.stdout.matchAll(/^(GPU-[A-Za-z0-9-]+), Enabled\s*$/gm)].map(([, uuid = '']) => uuid));
    if (migCards.size === 0) return reading;
    const list = await this.run(['-L']);
    if (list === undefined) return undefined;
    if (list.exitCode !== 0 && !PARTIAL.includes(list.exitCode)) throw failure(list.complaint);
    return replaceMigCards(reading, migCards, parseNvidiaSmiList(list.stdout));
  }

  /** Undefined where the program is not installed. */
  private async run(words: readonly string[]): Promise<Answer | undefined> {
    if (!this.ended) throw failure('the one that was asked before has not ended; the driver hangs');
    this.ended = false;
    const running = execute(this.program, words, { timeout: this.timeoutMs, killSignal: 'SIGKILL' });
    const answer = running.then(({ stdout }) => ({ exitCode: 0, stdout, complaint: '' }), (error: unknown) => this.answerOf(error)).finally(() => (this.ended = true));
    try {
      return await within(this.timeoutMs, answer);
    } catch (error) {
      throw error instanceof NvidiaSmiError ? error : failure(error instanceof Error ? error.message : String(error));
    }
  }

  /** What a program that did not end with 0 said. @throws NvidiaSmiError when it did not run to an end of its own */
  private answerOf(error: unknown): Answer | undefined {
    const { code, killed, stdout = '', stderr = '', message } = error as { code?: number | string | null; killed?: boolean; stdout?: string; stderr?: string; message: string };
    if (code === 'ENOENT') return undefined;
    if (killed === true) throw failure(`no answer within ${this.timeoutMs} ms`);
    const complaint = (stdout.trim() || stderr.trim() || message).slice(0, COMPLAINT_LENGTH);
    if (typeof code !== 'number') throw failure(complaint);
    return { exitCode: code, stdout, complaint };
  }
}

class NvidiaSmiError extends Error {
  override readonly name = 'NvidiaSmiError';
}

function failure(complaint: string): NvidiaSmiError {
  return new NvidiaSmiError(`nvidia-smi failed: ${complaint}`);
}
