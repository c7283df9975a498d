// What the stand-ins use of the machine: Module, Program, Launch, run(), Fault, Alloc, stats and env().
#pragma once
#include "ptx/ptx.h"
