/// @file
/// Symbol visibility: what carries SCOREMATCH_API is the library's interface; the rest stays hidden.
#pragma once
#define SCOREMATCH_API __attribute__((visibility("default")))
