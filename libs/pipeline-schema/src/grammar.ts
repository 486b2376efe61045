/** `name[:version]`: letters, digits, `.`, `_`, `-`; no slash, so an id is always one safe path segment once `:` is replaced. */
export const PIPELINE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(:[A-Za-z0-9][A-Za-z0-9._-]{0,63})?$/;

/** An image reference as Docker takes it (repository, optional registry, tag or digest); see distribution/reference. */
export const IMAGE_REFERENCE =
  /^(?=.{1,255}$)([a-z0-9]+([._-][a-z0-9]+)*(:[0-9]{1,5})?\/)?[a-z0-9]+((\.|_{1,2}|-+|\/)[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[a-f0-9]{64})?$/;

/** The editor's name of a kind of node, such as `image_upscale`. */
export const NODE_TYPE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** A model's id; it names a folder of the store. */
export const MODEL_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** A container memory size as Kubernetes writes it: `512Mi`, `16Gi`. */
export const MEMORY_SIZE = /^[1-9][0-9]{0,5}(Mi|Gi)$/;

/** An environment variable's name. */
export const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
