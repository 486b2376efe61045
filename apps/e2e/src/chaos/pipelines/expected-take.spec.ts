import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@function-runner/testing';
import { CHAOS_PROGRAM } from './chaos-program.js';
import { expectedTake } from './expected-take.js';

const WORK = { seed: 'a-1', ms: 10, files: 3, bytes: 101, fails: false };

/** Runs the very program of the containers on this machine. */
function run(outputDir: string, args: readonly string[], work: object, end = ''): string {
  return execFileSync(process.execPath, ['-e', CHAOS_PROGRAM, ...args], { input: `${JSON.stringify({ taskId: 't', parameters: work, outputDir })}\n${end}`, encoding: 'utf8' });
}

describe('expectedTake', () => {
  it.each([{ mode: 'job', args: [] }, { mode: 'server', args: ['serve'] }])('is what the program makes in $mode mode', async ({ args }) => {
    const folder = await tempFolder();
    try {
      run(folder.path, args, WORK);
      for (const { path, bytes, sha256 } of expectedTake(WORK)) {
        const data = await readFile(join(folder.path, path));
        expect({ path, bytes: data.length, sha256: createHash('sha256').update(data).digest('hex') }).toEqual({ path, bytes, sha256 });
      }
      expect(expectedTake(WORK).map(({ path }) => path)).toEqual(['frames/1.txt', 'frames/2.txt', 'note.txt']);
    } finally {
      await folder.remove();
    }
  });

  it('is another for another seed', () => {
    expect(expectedTake({ ...WORK, seed: 'a-2' })).not.toEqual(expectedTake(WORK));
  });
});

describe('the chaos program', () => {
  it('fails on purpose: with exit code 3 as a job, with an error as a server', async () => {
    const folder = await tempFolder();
    try {
      expect(() => run(folder.path, [], { ...WORK, fails: true })).toThrow(expect.objectContaining({ status: 3 }));
      expect(run(folder.path, ['serve'], { ...WORK, fails: true })).toContain('"code":"ON_PURPOSE"');
    } finally {
      await folder.remove();
    }
  });

  it('serves until it is told to stop a task', async () => {
    const folder = await tempFolder();
    try {
      expect(run(folder.path, ['serve'], { ...WORK, ms: 60_000 }, '{"type":"cancel","taskId":"t"}\n')).toContain('"code":"CANCELLED"');
    } finally {
      await folder.remove();
    }
  });
});
