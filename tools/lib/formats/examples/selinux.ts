import { FileContexts } from '@icos/formats/selinux';

const text = `
/.*              system_u:object_r:default_t:s0
/etc(/.*)?       system_u:object_r:etc_t:s0
/etc/shadow  --  system_u:object_r:shadow_t:s0
`;
const contexts = new FileContexts({ fileContexts: { name: 'file_contexts', text } });
console.log(contexts.lookup('/etc/shadow', 'file'));
