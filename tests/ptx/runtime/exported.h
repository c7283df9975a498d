// What the stand-in for CUDA's runtime exports to the one for cuBLASLt.
#pragma once
#include <cuda_runtime_api.h>

#include <cstddef>

extern "C" {

/// Does work(what) in the stream's order, and forget(what) when it will not be done again. @return a cudaError_t
int emulator_enqueue(cudaStream_t stream, void (*work)(void*), void* what, void (*forget)(void*));

/// nullptr where these bytes are not device memory, else a byte for each of them: 0 where it is uninitialized.
unsigned char* emulator_memory(const void* data, std::size_t bytes);

/// That uninitialized memory was used.
void emulator_report_unwritten(const char* what);
}
