// @ts-check
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { dockerApi, dockerTarget, tarStream } from './docker-api.mjs';
import { CONTENT_LABEL, ensurePipelineImage, imageNames, pipelineSources } from './pipeline-images.step.mjs';
import { runnerPaths } from './runner-paths.mjs';
import { createStepReport } from './step-report.mjs';
import { createStopStack } from './stop-stack.mjs';

test('imageNames: each container_image once', () => {
  const files = ['{"container_image":"a:1"}', '[{"container_image":"a:1"},{"x":{"container_image":"b:2"}}]', '{"container_image":7}'].map((text, index) => ({ file: `${index}.json`, text }));
  expect(imageNames(files)).toEqual(['a:1', 'b:2']);
  expect(() => imageNames([{ file: 'store/x.json', text: '{' }])).toThrow(/store\/x\.json is not JSON/);
});

describe('a pipeline of a checkout', () => {
  const docker = dockerApi(dockerTarget(process.env).target);
  const tag = `function-runner/test-pipeline:t${process.pid}`;
  const base = { reference: `function-runner/test-empty-base:t${process.pid}`, id: '', detail: '', mark: /** @type {const} */ ('ok') };
  /** @type {string} */
  let root;
  /** @param {string} file @param {string} text */
  function write(file, text) {
    const path = join(root, 'pipelines', 'demo', file);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
  }
  function context() {
    const quiet = { write: () => true };
    return { paths: runnerPaths(root), env: process.env, report: createStepReport({ output: quiet, errors: quiet, env: {} }), stops: createStopStack(), signal: new AbortController().signal };
  }

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'fr-pipelines-'));
    mkdirSync(runnerPaths(root).logs, { recursive: true });
    write('Dockerfile', '');
    write('dist/image/Dockerfile', 'ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY app.mjs /app/app.mjs\nENTRYPOINT ["node", "/app/app.mjs"]\n');
    write('dist/image/app.mjs', 'one');
    write('store/demo.json', JSON.stringify({ container_image: tag }));
    mkdirSync(join(root, 'empty'));
    writeFileSync(join(root, 'empty', 'mark'), '');
    const [repo = '', name = ''] = base.reference.split(':');
    await docker.importImage(tarStream(join(root, 'empty')), { repo, tag: name, changes: [], message: 'test' });
    base.id = (await docker.image(base.reference))?.Id ?? '';
  });
  afterAll(async () => {
    await docker.removeImage(tag);
    await docker.removeImage(base.reference);
    rmSync(root, { recursive: true, force: true });
  });

  test('is built once, again when its content changes, and the old image goes', async () => {
    const [source] = await pipelineSources(root);
    if (!source) throw new Error('no source');
    expect(source).toMatchObject({ name: 'demo', tags: [tag] });
    const make = () => ensurePipelineImage(context(), docker, source, base, () => undefined);
    expect(await make()).toEqual({ built: true });
    const first = await docker.image(tag);
    expect(first?.Config?.Labels?.[CONTENT_LABEL]).toMatch(/^[0-9a-f]{64}$/);
    expect(await make()).toEqual({ built: false });

    write('dist/image/app.mjs', 'two');
    expect(await make()).toEqual({ built: true });
    const second = await docker.image(tag);
    expect(second?.Id).not.toBe(first?.Id);
    expect(await docker.image(first?.Id ?? '')).toBeUndefined();
  });

  test('a Dockerfile that fails is told with the line and the log', async () => {
    const [source] = await pipelineSources(root);
    if (!source) throw new Error('no source');
    write('dist/image/Dockerfile', 'ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY nothing-here /\n');
    await expect(ensurePipelineImage(context(), docker, source, base, () => undefined)).rejects.toMatchObject({ message: expect.stringContaining('nothing-here'), mend: expect.stringContaining('build-image-demo.log') });
  });

  test('a cut-off archive is never taken for the whole one', async () => {
    const broken = new Readable({ read() { this.destroy(new Error('tar broke')); } });
    await expect(docker.build(broken, { tags: [tag], dockerfile: 'Dockerfile', buildArgs: {}, labels: {} })).rejects.toThrow('tar broke');
  });
});
