/** What the README promises works as it is printed there. */
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkInvariants } from './invariants/invariants.js';
import { plate } from './pictures/plate.js';
import { REPOSITORY } from './stack/repository.js';
import { RunnerStack } from './stack/runner-stack.js';

const run = promisify(execFile);

/** A block of code in a Markdown file, by the comment that stands before it. */
async function codeBlock(file: string, name: string): Promise<string> {
  const text = await readFile(join(REPOSITORY, file), 'utf8');
  const [, code] = new RegExp(`<!-- ${name} -->\\n\`\`\`js\\n([\\s\\S]*?)\`\`\``).exec(text) ?? [];
  if (code === undefined) throw new Error(`${file} has no block "${name}"`);
  return code;
}

describe('the README', () => {
  let stack: RunnerStack;
  // In the checkout, where the README says to run it: that is where its import is found.
  const client = join(REPOSITORY, `readme-client-${process.pid}.mjs`);

  beforeAll(async () => {
    stack = await RunnerStack.start();
  });
  afterAll(async () => {
    await rm(client, { force: true });
    await stack.stop();
  });

  it('has a client of at most 15 lines that works when pasted', async () => {
    const code = await codeBlock('README.md', 'client');
    expect(code.trim().split('\n').length).toBeLessThanOrEqual(15);
    const { small } = await plate(128, 96, 2);
    await writeFile(await stack.place({ id: 'sample-film', name: 'Sample Film' }, 'plates/chelsea.png'), small);
    await writeFile(client, code);
    const { stdout } = await run(process.execPath, [client], { env: { ...process.env, API_URL: stack.api.url }, timeout: 60_000 });
    expect(stdout).toMatch(/^0 % {2}queued$/m);
    expect(stdout).toMatch(/^\/workspace\/Sample Film\/outputs\/renders\/upscale-2\/[0-9a-f-]{36} \[/m);
    await checkInvariants(stack);
  });

  it('names only npm scripts that exist', async () => {
    const { scripts } = JSON.parse(await readFile(join(REPOSITORY, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    const readme = await readFile(join(REPOSITORY, 'README.md'), 'utf8');
    const named = [...readme.matchAll(/\bnpm (?:run )?([a-z]+)\b/g)].map(([, name]) => name ?? '').filter((name) => !['run', 'install', 'ci'].includes(name));
    expect(named.length).toBeGreaterThan(3);
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });
});
