import sharp from 'sharp';

// A container runs one picture at a time within a CPU quota: more libvips threads would only fight the model's one
// for it, and a cache of operations would hold pixels that are never asked for again.
sharp.concurrency(1);
sharp.cache(false);

// Only the three formats promised can be parsed at all: SVG, PDF and the rest of libvips' loaders are closed doors.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: ['VipsForeignLoadPngFile', 'VipsForeignLoadJpegFile', 'VipsForeignLoadWebpFile'] });

/** sharp (libvips), set up for this pipeline. Import it from here only. */
export { sharp };
