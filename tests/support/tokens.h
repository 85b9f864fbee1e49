/* SPDX-License-Identifier: MIT
 *
 * A token file in a test's folder, of tokens that the program itself makes. */
#ifndef LIP_TESTS_SUPPORT_TOKENS_H
#define LIP_TESTS_SUPPORT_TOKENS_H

enum { TOKEN_SIZE = 100 };

/* Makes a token by `lipschitzd --token NAME` and adds its line to the file,
 * with these scopes and limits. */
void token_add(char token[TOKEN_SIZE], const char *file, const char *name,
               const char *scopes);

#endif
