/// @file
/// The library for other languages, and for C: handles, plain structs and status codes over the C++ API, whose headers
/// say what each thing computes. C99, and C++. docs/c-interface.md is its page.
///
/// - What can fail returns a status and throws nothing; scorematch_last_error() has the text. A call that fails has
///   written nothing but, where it makes a handle, NULL (which destroys nothing that stood there). A null handle or
///   pointer is refused, unless it says "or NULL" here.
/// - What is computed is described by texts of "key=value" with blanks between, with the names of the eval format and
///   of the command. What is absent is the C++ default; an unknown or superfluous key is refused.
/// - Structs that may grow begin with their size: set it to sizeof. The library refuses more than it knows of, and
///   takes what an older caller's lacks as not given. All else that is zero is not given, too. New fields are appended,
///   to inputs at the end of their batch; all other changes come with another soname.
/// - A handle is destroyed by its `_destroy`, to which NULL is nothing. Plans, queues and buffers keep their engine.
/// - Threads: engines, nets and plans, any number; a queue and what is written through it, one at a time. The last
///   error is the thread's own.
#pragma once
#include "scorematch/scorematch_c_base.h"
#include "scorematch/scorematch_c_plans.h"
#include "scorematch/scorematch_c_sampling.h"
#include "scorematch/scorematch_c_training.h"
