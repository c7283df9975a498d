#include <outside.h>

int main() { return parameters(2, 4) == 2 * 4 + 4 + 4 * 2 + 2 ? 0 : 1; }
