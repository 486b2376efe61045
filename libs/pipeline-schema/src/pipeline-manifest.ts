import 'reflect-metadata';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize, IsArray, IsBoolean, IsIn, IsInt, IsNumber, IsObject, IsOptional, IsString, Matches, Max, MaxLength, Min, MinLength, ValidateNested,
} from 'class-validator';
import { IMAGE_REFERENCE, MEMORY_SIZE, MODEL_ID, NODE_TYPE, PIPELINE_ID } from './grammar.js';

/** How the pipeline's program is started and spoken to. */
export class PipelineExecution {
  /** The wire protocol. */
  @IsOptional() @IsIn(['stdio'], { message: 'must be "stdio", the protocol that this version speaks' })
  protocol?: 'stdio';

  /** `job` (default): one container a task. `server`: the program loads its model first, then takes tasks one at a time. */
  @IsOptional() @IsIn(['job', 'server'], { message: 'must be "job" or "server"' })
  mode?: 'job' | 'server';

  /**
   * Whether tasks of different projects may be served by one process, which then can read every project of the workspace.
   * Only in server mode; default false: a container sees its own project and no other.
   */
  @IsOptional() @IsBoolean()
  shareable?: boolean;

  /** Replaces the image's entrypoint; empty keeps it. */
  @IsArray() @ArrayMaxSize(64) @IsString({ each: true }) @MaxLength(4096, { each: true })
  command!: string[];

  @IsArray() @ArrayMaxSize(256) @IsString({ each: true }) @MaxLength(4096, { each: true })
  args!: string[];

  /** Fixed environment of the container; names are checked when the plan is compiled. */
  @IsObject()
  environment!: Record<string, string>;

  /** Seconds between SIGTERM and SIGKILL; default 5. */
  @IsOptional() @IsInt() @Min(0) @Max(300)
  cancel_grace_seconds?: number;
}

/** What one run needs of the machine. */
export class PipelineResources {
  @IsBoolean()
  gpu!: boolean;

  /** GPU memory, GiB. */
  @IsNumber() @Min(0) @Max(4096)
  vram!: number;

  /** GPUs at once; default 1 where `gpu` is true. */
  @IsOptional() @IsInt() @Min(1) @Max(64)
  gpus?: number;

  /** CPU cores. */
  @IsNumber() @Min(0.01) @Max(1024)
  cpu!: number;

  /** Main memory, such as `16Gi` or `512Mi`; the container is killed beyond it. */
  @Matches(MEMORY_SIZE, { message: 'must be a size such as 512Mi or 16Gi' })
  memory!: string;
}

/** A further read-only folder below the model store that the pipeline wants to see. */
export class PipelineMount {
  /** Relative to the model store's root. */
  @Matches(/^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$))[A-Za-z0-9._ /-]{1,512}$/, { message: 'must be a path below the model store, without ".."' })
  source!: string;

  /** Absolute path in the container. */
  @Matches(/^(?!(?:.*\/)\.\.(?:\/|$))\/[A-Za-z0-9._/-]{1,255}$/, { message: 'must be an absolute path of plain characters, without ".."' })
  target!: string;

  @IsIn([true], { message: 'must be true: a pipeline writes to its output folder only' })
  readonly!: boolean;
}

/** `pipeline.json`: how a pipeline is run; lies in `<category>/pipelines/` of the model store. */
export class PipelineManifest {
  @Matches(PIPELINE_ID, { message: 'must be a pipeline id such as image-upscale:1.0-low' })
  id!: string;

  @IsString() @MinLength(1) @MaxLength(128)
  name!: string;

  @IsOptional() @IsArray() @Matches(NODE_TYPE, { each: true })
  node_types?: string[];

  /** The model it runs; a folder `models/<model_id>` of the store. */
  @Matches(MODEL_ID, { message: 'must be a model id: letters, digits, ".", "_" and "-"' })
  model_id!: string;

  @Matches(IMAGE_REFERENCE, { message: 'must be a container image reference' })
  container_image!: string;

  @ValidateNested() @Type(() => PipelineExecution) @IsObject()
  execution!: PipelineExecution;

  @ValidateNested() @Type(() => PipelineResources) @IsObject()
  resources!: PipelineResources;

  /** JSON Schema of the node's parameters; a string of format `project-path` is a file of the project. */
  @IsOptional() @IsObject()
  parameters?: Record<string, unknown>;

  /** `none` (default) or `internal`: a bridge without a way out. */
  @IsOptional() @IsIn(['none', 'internal'])
  network?: 'none' | 'internal';

  @IsArray() @ArrayMaxSize(16) @ValidateNested({ each: true }) @Type(() => PipelineMount)
  mounts!: PipelineMount[];
}
