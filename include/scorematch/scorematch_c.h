/// @file
/// The library for C and other languages: handles, plain structs and status codes over the C++ API, whose headers say
/// what each part computes. C99 and C++. docs/c-interface.md explains how to use it.
///
/// - A function that can fail returns a status and never throws; scorematch_last_error() has the text. A failed call
///   has no effect, except that a function that makes a handle sets it to NULL (without destroying the one that was
///   there). A null handle or pointer is refused unless these comments say "or NULL".
/// - Nets, losses and options are described by texts of "key=value" pairs separated by spaces, with the names of the
///   eval format and of the command. An absent key has the C++ default. An unknown or superfluous key is refused.
/// - Structs that may grow begin with their size: set it to sizeof. The library refuses a struct larger than its own,
///   and takes fields that an older caller's struct lacks as not given. A field that is zero is not given, too. New
///   fields are appended, to inputs at the end of their batch. All other changes come with a new soname.
/// - A `_destroy` function destroys its handle and ignores NULL. Plans, queues and buffers keep their engine alive.
/// - Threads: any number may use an engine, a net or a plan at once. A queue, and what is written through it, belongs
///   to one thread at a time. Each thread has its own last error.
#pragma once
#include "scorematch/scorematch_c_base.h"
#include "scorematch/scorematch_c_plans.h"
#include "scorematch/scorematch_c_sampling.h"
#include "scorematch/scorematch_c_training.h"
