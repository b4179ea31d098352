/**
 * The list u::rw-, u:1000:r--, g::r--, m::r--, o::---, in the form that system calls use
 * (linux/posix_acl_xattr.h, version 2).
 */
export const ACL = Buffer.from(
  '02000000' +
    '01000600ffffffff' +
    '02000400e8030000' +
    '04000400ffffffff' +
    '10000400ffffffff' +
    '20000000ffffffff',
  'hex',
);
