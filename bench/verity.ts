/** The salt and the UUID of every hash tree, so that our tool and the peer write the same bytes. */
export const SALT = '6b1f'.repeat(16);
export const TREE_UUID = '63271709-3b18-40db-969b-7bdfc3346940';
