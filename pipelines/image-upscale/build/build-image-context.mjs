// Builds dist/image, or the folder named as argument: everything the container needs, as a complete `docker build` context.
//   main.mjs                        the pipeline and tfjs in one file; sharp stays outside because it is native
//   tfjs-backend-wasm-simd.wasm     the kernels
//   node_modules/                   sharp and what it needs at run time on this machine's platform
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath, URL } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('..', import.meta.url));
const image = resolve(process.argv[2] ?? join(here, 'dist', 'image'));
const require = createRequire(import.meta.url);

rmSync(image, { recursive: true, force: true });
mkdirSync(image, { recursive: true });

await build({
  entryPoints: [join(here, 'src', 'main.ts')],
  outfile: join(image, 'main.mjs'),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // The ES modules of tfjs, of which only what is used is kept; `main` holds CommonJS bundles of everything.
  mainFields: ['module', 'main'],
  // node-fetch: tfjs asks for it only when it loads from a URL, which needs a network that is not there.
  external: ['sharp', 'node-fetch'],
  // emscripten's loader, inside tfjs, is CommonJS and expects these three names.
  banner: {
    js: [
      'import { createRequire as __createRequire } from "node:module";',
      'import { fileURLToPath as __fileURLToPath } from "node:url";',
      'const require = __createRequire(import.meta.url), __filename = __fileURLToPath(import.meta.url), __dirname = __fileURLToPath(new URL(".", import.meta.url));',
    ].join('\n'),
  },
  minify: true,
  keepNames: true,
  legalComments: 'linked',
  logLevel: 'warning',
});

cpSync(require.resolve('@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm'), join(image, 'tfjs-backend-wasm-simd.wasm'));
cpSync(join(here, 'Dockerfile'), join(image, 'Dockerfile'));
const { version, type, license } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
// Without a name: it would be a second package of the workspace to some tools.
writeFileSync(join(image, 'package.json'), `${JSON.stringify({ private: true, version, type, license }, null, 2)}\n`);
copyPackage('sharp', import.meta.url, new Set());
makeReadable(image);

/** Copies an installed package and, after it, what it depends on; optional ones only where npm installed them. */
function copyPackage(name, from, seen) {
  if (seen.has(name)) return;
  const folder = folderOf(name, from);
  if (!folder) return;
  seen.add(name);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  cpSync(folder, join(image, 'node_modules', name), {
    recursive: true,
    dereference: true,
    filter: (path) => !['node_modules', 'src', 'install', 'include'].includes(basename(path)) || path === folder,
  });
  for (const dependency of Object.keys(manifest.dependencies ?? {})) {
    if (!folderOf(dependency, join(folder, 'package.json'))) throw new Error(`${name} needs ${dependency}, which is not installed: run npm install`);
    copyPackage(dependency, join(folder, 'package.json'), seen);
  }
  for (const dependency of Object.keys(manifest.optionalDependencies ?? {})) copyPackage(dependency, join(folder, 'package.json'), seen);
}

/** Where Node would find a package, whatever its `exports` say. */
function folderOf(name, from) {
  const paths = createRequire(from).resolve.paths(name) ?? [];
  return paths.map((path) => join(path, name)).find((path) => existsSync(join(path, 'package.json')));
}

/** The container's user is not the one who builds: a strict umask must not lock it out. */
function makeReadable(path) {
  const directory = statSync(path).isDirectory();
  chmodSync(path, directory ? 0o755 : 0o644);
  if (directory) for (const entry of readdirSync(path)) makeReadable(join(path, entry));
}
