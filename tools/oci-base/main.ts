/**
 * Flattens an OCI image into one layer and a configuration:
 *
 *     oci-base --image=LAYOUT --output=OUT.layer.tar.zst --output-config=OUT.config.json
 *       [--platform=linux/amd64]
 *
 * LAYOUT is an image layout directory, or a tar archive of one.
 */
import { parseArgs } from 'node:util';
import { required, runTool, TEXT } from '../lib/runtime/cli/cli.ts';
import { writeBase } from './base.ts';

await runTool(async ({ args, output }) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      image: TEXT,
      platform: { ...TEXT, default: 'linux/amd64' },
      output: TEXT,
      'output-config': TEXT,
    },
  });
  const layerPath = output(required(values.output, 'output'));
  await writeBase({
    image: required(values.image, 'image'),
    platform: values.platform,
    layerPath,
    configPath: output(required(values['output-config'], 'output-config')),
    spoolPath: output(`${layerPath}.contents`),
  });
});
