// What the stand-in for the CUDA runtime exports to the stand-in for cuBLASLt.
#pragma once
#include <cuda_runtime_api.h>

#include <cstddef>

extern "C" {

/// Calls work(what) in stream order, and forget(what) when it will not be called again. @return a cudaError_t
int emulator_enqueue(cudaStream_t stream, void (*work)(void*), void* what, void (*forget)(void*));

/// nullptr if these bytes are not device memory; otherwise one byte for each of them, 0 if it is uninitialized.
unsigned char* emulator_memory(const void* data, std::size_t bytes);

/// Reports a use of uninitialized memory.
void emulator_report_unwritten(const char* what);
}
