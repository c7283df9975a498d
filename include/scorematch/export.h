/// @file
/// Symbol visibility: names marked SCOREMATCH_API are the library's interface; all others are hidden.
#pragma once
#define SCOREMATCH_API __attribute__((visibility("default")))
