import { IsArray, IsInt, IsNumber, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { IMAGE_REFERENCE, PIPELINE_ID } from './grammar.js';

/** What a tier runs for one node type: an entry of `tiers.<tier>.pipelines` in the pipelines file. */
export class PipelineConfig {
  @Matches(PIPELINE_ID, { message: 'must be a pipeline id such as image-upscale:1.0-low' })
  pipeline_id!: string;

  @Matches(IMAGE_REFERENCE, { message: 'must be a container image reference such as auteur/flux-low:latest' })
  container_image!: string;

  /** GPU memory the pipeline needs, GiB; 0 means no GPU. */
  @IsNumber() @Min(0) @Max(4096)
  target_vram!: number;

  /** Free words that the pipeline understands, such as `cpu_offloading`. */
  @IsArray() @IsString({ each: true }) @MaxLength(64, { each: true })
  optimizations!: string[];

  /** Longest run of this pipeline, seconds; without it the tier's. */
  @IsOptional() @IsInt() @Min(1) @Max(604_800)
  timeout_seconds?: number;
}
