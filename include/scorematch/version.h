/// @file
/// The version of the library, for the preprocessor. Usable from C. `scorematch_version()` of scorematch_c.h is the
/// version of the library that runs.
#pragma once

#define SCOREMATCH_VERSION_MAJOR 0
#define SCOREMATCH_VERSION_MINOR 2
#define SCOREMATCH_VERSION_PATCH 0
#define SCOREMATCH_VERSION "0.2.0"
