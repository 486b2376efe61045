// @ts-check
// The image that pipeline images are built FROM. Where no registry can be reached it is made from this host: the node
// binary that runs now, the libraries it and the pipelines' native files are linked to, and the few files of /etc that
// programs look for. No shell, no package manager.
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { findProgram, runCommand } from './command.mjs';
import { filesBelow, hashFiles } from './content-hash.mjs';
import { DockerApiError, tarStream } from './docker-api.mjs';
import { messageOf, SetupError } from './setup-error.mjs';

export const DEFAULT_BASE_IMAGE = 'node:22-bookworm-slim';
export const HOST_BASE_REPOSITORY = 'function-runner/node-base';
/** A registry that says nothing for this long is not there. A download that moves may take as long as it needs. */
const PULL_SILENCE_MS = 20_000;
/** Raise it when the recipe below changes in a way that its inputs don't show. */
const RECIPE = '1';

const NODE_IN_IMAGE = '/usr/local/bin/node';
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** Node's names for architectures, in the engine's words. @type {Record<string, string>} */
const ENGINE_ARCHITECTURE = { x64: 'x86_64', arm64: 'aarch64' };

/** @type {Record<string, { text: string, mode: number }>} */
const WRITTEN_FILES = {
  '/etc/passwd': { mode: 0o644, text: 'root:x:0:0:root:/root:/sbin/nologin\nnode:x:1000:1000:node:/home/node:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n' },
  '/etc/group': { mode: 0o644, text: 'root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n' },
  '/etc/nsswitch.conf': { mode: 0o644, text: 'passwd: files\ngroup: files\nhosts: files dns\n' },
};

/** @type {Record<string, number>} */
const WRITTEN_FOLDERS = { '/tmp': 0o1777, '/var/tmp': 0o1777, '/root': 0o700, '/home/node': 0o755, '/workspace': 0o755, '/models': 0o755 };

/**
 * The libraries in `ldd`'s answer, each by the name it is asked for and the file that answers.
 * @param {string} output
 * @returns {{ libraries: { name: string, path: string }[], missing: string[] }}
 */
export function parseLdd(output) {
  /** @type {{ name: string, path: string }[]} */
  const libraries = [];
  /** @type {string[]} */
  const missing = [];
  for (const line of output.split('\n').map((text) => text.trim())) {
    const lost = /^(\S+) => not found$/.exec(line);
    if (lost?.[1]) missing.push(lost[1]);
    const found = /^(?:(\S+) => )?(\/\S+) \(0x[0-9a-f]+\)$/.exec(line);
    if (found?.[2]) libraries.push({ name: basename(found[1] ?? found[2]), path: found[2] });
  }
  return { libraries, missing };
}

/**
 * Which file goes where. Libraries keep their folder, for the loader has its path and its search folders built in; those
 * from unusual places (found on this host through ld.so.cache, which the image has not) go beside libc. Pure.
 * @param {{ node: string, libraries: readonly { name: string, path: string }[], inside: readonly string[], exists: (path: string) => boolean }} facts
 *   `inside`: folders that come with the pipeline's own image
 * @returns {{ from: string, to: string }[]}
 */
export function planBaseFiles({ node, libraries, inside, exists }) {
  const libc = libraries.find(({ name }) => /^(libc\.so|libc\.musl|ld-musl)/.test(name));
  if (!libc) return [];
  const libcFolder = dirname(libc.path);
  const usual = (/** @type {string} */ folder) => folder === libcFolder || /^\/(usr\/)?lib(64)?(\/[a-z0-9_]+-linux-(gnu|musl)[a-z0-9]*)?$/.test(folder);
  // glibc loads these by name when a name is looked up: no ldd shows them.
  const byName = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'].map((name) => ({ name, path: join(libcFolder, name) })).filter(({ path }) => exists(path));
  /** @type {Map<string, string>} */
  const files = new Map([[NODE_IN_IMAGE, node]]);
  for (const { name, path } of [...libraries, ...byName]) {
    if (inside.some((folder) => path.startsWith(`${folder}/`))) continue;
    const isLoader = /^ld-/.test(name);
    files.set(isLoader || usual(dirname(path)) ? path : join(libcFolder, name), path);
  }
  if (exists(CERTIFICATES)) files.set(CERTIFICATES, CERTIFICATES);
  return [...files].map(([to, from]) => ({ from, to })).sort((a, b) => (a.to < b.to ? -1 : 1));
}

/**
 * Native files of the pipelines: what node loads at run time beside its own libraries.
 * @param {readonly string[]} imageFolders
 */
export async function nativeFilesBelow(imageFolders) {
  const lists = await Promise.all(imageFolders.map(async (folder) => (await filesBelow(folder)).map((file) => join(folder, file))));
  return lists.flat().filter((file) => /(\.node|\.so(\.\d+)*)$/.test(file));
}

/**
 * @param {readonly string[]} imageFolders `dist/image` of each pipeline
 * @param {{ node?: string }} [options]
 * @returns {Promise<{ files: { from: string, to: string }[], tag: string }>}
 */
export async function hostBase(imageFolders, { node = realpathSync(process.execPath) } = {}) {
  const natives = await nativeFilesBelow(imageFolders);
  const ldd = findProgram('ldd', process.env) ?? 'ldd';
  /** @type {{ name: string, path: string }[]} */
  const libraries = [];
  for (const file of [node, ...natives]) {
    const { code, output } = await runCommand(ldd, [file]);
    const found = parseLdd(output);
    // Packages bring files for other platforms too (musl beside glibc); ldd fails on those, and node never loads them.
    if (file === node && (code !== 0 || found.missing.length > 0)) throw new SetupError(`ldd could not read ${node}: ${output.trim()}`, 'Set BASE_IMAGE to an image that has node.');
    if (code === 0 && found.missing.length === 0) libraries.push(...found.libraries);
  }
  const files = planBaseFiles({ node, libraries, inside: imageFolders.map((folder) => realpathSync(folder)), exists: existsSync });
  if (files.length === 0) throw new SetupError(`${node} is linked to no C library.`, 'Set BASE_IMAGE to an image that has node.');
  const hash = await hashFiles(files.map(({ from, to }) => ({ name: to, path: realpathSync(from) })), [RECIPE, JSON.stringify(WRITTEN_FILES), JSON.stringify(WRITTEN_FOLDERS)]);
  return { files, tag: hash.slice(0, 12) };
}

/**
 * @param {object} options
 * @param {import('./docker-api.mjs').DockerApi} options.docker
 * @param {{ from: string, to: string }[]} options.files
 * @param {string} options.repository
 * @param {string} options.tag
 * @param {string} options.tmp
 * @param {AbortSignal} [options.signal]
 */
export async function importHostBase({ docker, files, repository, tag, tmp, signal }) {
  mkdirSync(tmp, { recursive: true });
  const root = mkdtempSync(join(tmp, 'base-image-'));
  try {
    chmodSync(root, 0o755);
    for (const [folder, mode] of Object.entries(WRITTEN_FOLDERS)) {
      mkdirSync(join(root, folder), { recursive: true });
      // Not by mkdir's own mode: the umask would take bits away.
      chmodSync(join(root, folder), mode);
    }
    for (const [file, { text, mode }] of Object.entries(WRITTEN_FILES)) {
      mkdirSync(join(root, dirname(file)), { recursive: true });
      writeFileSync(join(root, file), text);
      chmodSync(join(root, file), mode);
    }
    for (const { from, to } of files) {
      mkdirSync(join(root, dirname(to)), { recursive: true });
      cpSync(realpathSync(from), join(root, to));
      chmodSync(join(root, to), to === CERTIFICATES ? 0o644 : 0o755);
    }
    await docker.importImage(tarStream(root), {
      repo: repository,
      tag,
      message: 'node and its libraries, from the host',
      changes: [
        'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        `ENV NODE_VERSION=${process.versions.node}`,
        'LABEL function-runner.base=host',
        'CMD ["node"]',
      ],
      signal,
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/**
 * @param {import('./docker-api.mjs').DockerApi} docker
 * @param {string} reference
 * @param {AbortSignal} signal
 * @returns {Promise<string | undefined>} why not; undefined: it is here now
 */
async function pull(docker, reference, signal) {
  try {
    await docker.pull(/[:@][^/]*$/.test(reference) ? reference : `${reference}:latest`, { idleMs: PULL_SILENCE_MS, signal });
    return undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    return error instanceof DockerApiError ? shortReason(error.message) : messageOf(error);
  }
}

/** The end of an engine's message says it best: "…: dial tcp: lookup …: no such host". @param {string} message */
export const shortReason = (message) => message.split(': ').slice(-1)[0]?.slice(0, 60) ?? message;

/** @typedef {{ reference: string, id: string, detail: string, mark: 'ok' | 'warn' }} BaseImage */

/**
 * Makes sure of the base image.
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {import('./docker-api.mjs').DockerApi} docker
 * @param {readonly string[]} imageFolders `dist/image` of each pipeline
 * @param {(text: string) => void} say
 * @returns {Promise<BaseImage>}
 */
export async function ensureBaseImage({ env, paths, signal }, docker, imageFolders, say) {
  const wanted = env.BASE_IMAGE || DEFAULT_BASE_IMAGE;
  const present = await docker.image(wanted);
  if (present) return { reference: wanted, id: present.Id, detail: wanted, mark: 'ok' };

  // Only a Linux host can lend its node to a Linux container.
  const host = process.platform === 'linux' ? await hostBase(imageFolders) : undefined;
  const reference = `${HOST_BASE_REPOSITORY}:${host?.tag ?? 'none'}`;
  const made = host && (await docker.image(reference));
  // What was made before is good enough not to ask an unreachable registry at every start, unless a base was asked for.
  if (made && !env.BASE_IMAGE) return { reference, id: made.Id, detail: `${reference}, made from this host`, mark: 'ok' };

  let reason = 'FUNCTION_RUNNER_OFFLINE=1';
  if (env.FUNCTION_RUNNER_OFFLINE !== '1') {
    say(`pulling ${wanted}`);
    const refusal = await pull(docker, wanted, signal);
    const pulled = refusal === undefined ? await docker.image(wanted) : undefined;
    if (pulled) return { reference: wanted, id: pulled.Id, detail: `${wanted}, pulled`, mark: 'ok' };
    reason = refusal ?? 'the engine did not keep it';
  }
  if (!host) throw new SetupError(`The base image ${wanted} can't be had: ${reason}.`, 'Connect to the network once, or set BASE_IMAGE to an image that the engine has.');
  if (!made) {
    await checkSameMachine(docker, wanted, reason);
    say(`making ${reference} from this host (${wanted} can't be had: ${reason})`);
    await importHostBase({ docker, files: host.files, repository: HOST_BASE_REPOSITORY, tag: host.tag, tmp: paths.tmp, signal });
  }
  const image = await docker.image(reference);
  if (!image) throw new SetupError(`The base image ${reference} was made but the engine does not have it.`, 'Look at the engine\'s log and free space.');
  return {
    reference,
    id: image.Id,
    detail: `${reference}, made from this host (${env.BASE_IMAGE ? `BASE_IMAGE=${wanted}` : 'no registry'}: ${reason})`,
    mark: env.BASE_IMAGE ? 'warn' : 'ok',
  };
}

/**
 * A remote engine may be of another architecture than the node binary here.
 * @param {import('./docker-api.mjs').DockerApi} docker
 * @param {string} wanted
 * @param {string} reason
 */
async function checkSameMachine(docker, wanted, reason) {
  const { Architecture, OSType } = await docker.info();
  const ours = ENGINE_ARCHITECTURE[process.arch] ?? process.arch;
  if (OSType !== 'linux' || Architecture !== ours) throw new SetupError(`${wanted} can't be had (${reason}), and the engine (${OSType} ${Architecture}) can't run this host's node (${process.arch}).`, 'Load the image into the engine by hand, or set BASE_IMAGE to one that it has.');
}

