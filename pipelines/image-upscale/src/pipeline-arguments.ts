import { parseArgs } from 'node:util';
import { PipelineFailure } from './pipeline-failure.js';

/** What `execution.args` of pipeline.json choose. */
export interface PipelineArguments {
  /** Id of the model, the name of its folder below the models path. */
  readonly model: string;
  /** The model's factor along a side. */
  readonly scale: 2 | 4;
  /** The value that stands for white to the model. */
  readonly range: 1 | 255;
  /** Server mode: load the model once, then take tasks until stdin closes. */
  readonly serve: boolean;
}

/** Reads `--model <id> --scale <2|4> --range <1|255> [--serve]`. */
export function readArguments(args: readonly string[]): PipelineArguments {
  const text = { type: 'string' } as const;
  const { model, scale, range, serve = false } = parse();
  if (!model) throw wrong('--model <model id> is missing');
  if (scale !== '2' && scale !== '4') throw wrong('--scale must be 2 or 4');
  if (range !== '1' && range !== '255') throw wrong('--range must be 1 or 255');
  return { model, scale: scale === '2' ? 2 : 4, range: range === '1' ? 1 : 255, serve };

  function parse() {
    try {
      return parseArgs({ args: [...args], options: { model: text, scale: text, range: text, serve: { type: 'boolean' } }, allowPositionals: false }).values;
    } catch (error) {
      throw wrong(error instanceof Error ? error.message : String(error));
    }
  }
}

/** The pipeline's author is at fault, not whoever runs the task. */
function wrong(what: string): PipelineFailure {
  return new PipelineFailure('INTERNAL', `Wrong execution.args in pipeline.json: ${what}.`);
}
