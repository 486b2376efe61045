// @ts-check
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, lastLines, runCommand } from './command.mjs';
import { packageManagers } from './install.plan.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * @param {Readonly<Record<string, string | undefined>>} env
 * @returns {import('./install.plan.mjs').Host}
 */
export function thisHost(env) {
  return {
    manager: process.platform === 'linux' ? packageManagers.find((name) => findProgram(name, env)) : undefined,
    isRoot: process.getuid?.() === 0,
    mayInstall: env.FUNCTION_RUNNER_NO_INSTALL !== '1',
  };
}

/** Debian's agreed file: while it exits 101, installing a package starts no service. */
const POLICY_FILE = '/usr/sbin/policy-rc.d';
const POLICY_TEXT = '#!/bin/sh\n# Placed by Function Runner for the length of one installation: services are started on demand, not by the package.\nexit 101\n';

/** @returns {() => void} takes the policy away again */
function holdServices() {
  // A policy of the machine's owner stays; one that a killed set-up of ours left is ours to remove.
  if (existsSync(POLICY_FILE) && readFileSync(POLICY_FILE, 'utf8') !== POLICY_TEXT) return () => {};
  writeFileSync(POLICY_FILE, POLICY_TEXT, { mode: 0o755 });
  return () => rmSync(POLICY_FILE, { force: true });
}

/**
 * Carries out an installation plan.
 * @param {Extract<import('./install.plan.mjs').InstallPlan, { kind: 'install' }>} plan
 * @param {{ env: NodeJS.ProcessEnv, logs: string, signal: AbortSignal, stops: import('./stop-stack.mjs').StopStack, say: (text: string) => void }} context
 */
export async function installPackages(plan, { env, logs, signal, stops, say }) {
  const name = plan.packages.join(' ');
  say(`installing ${name} with ${plan.manager}`);
  const release = plan.manager === 'apt-get' ? holdServices() : () => {};
  const done = stops.push({ name: 'service policy', stop: release, force: release });
  try {
    for (const command of plan.commands) {
      const [program, ...args] = command;
      if (program === undefined) continue;
      const logFile = join(logs, `install-${plan.packages[0]}.log`);
      const { code, output } = await runCommand(program, args, { env: { ...env, DEBIAN_FRONTEND: 'noninteractive' }, logFile, signal });
      // A list that could not be renewed may still be good enough: the installation itself decides.
      if (code !== 0 && !args.includes('update')) {
        throw new SetupError(`${name} could not be installed: \`${command.join(' ')}\` ended with code ${code}.`, 'Install it by hand (the output is above), then start again.', { detail: lastLines(output) });
      }
    }
  } finally {
    release();
    done();
  }
}
