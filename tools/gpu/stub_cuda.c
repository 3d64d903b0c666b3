/*
 * Copyright 2026 Huawei Technologies Co., Ltd
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 * http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */
/* CUDA for machines without a GPU: one device, whose memory is the host's and whose kernels do nothing.
 *
 * stubs.py adds the other functions that MindSpore's plug-in links to, each of which returns 0 (success), and compiles
 * one library of each name. What follows is what has to give something back. */
#include <stdlib.h>
#include <string.h>

static char handle[4096];

#define GIVES_HANDLE(name) int name(void **out) { *out = handle; return 0; }
GIVES_HANDLE(cudaStreamCreate)
GIVES_HANDLE(cudaStreamCreateWithFlags)
GIVES_HANDLE(cudaStreamCreateWithPriority)
GIVES_HANDLE(cudaEventCreate)
GIVES_HANDLE(cudaEventCreateWithFlags)
GIVES_HANDLE(cublasCreate_v2)
GIVES_HANDLE(cusolverDnCreate)
GIVES_HANDLE(cusparseCreate)
GIVES_HANDLE(cudnnCreate)
GIVES_HANDLE(cudnnCreateActivationDescriptor)
GIVES_HANDLE(cudnnCreateTensorDescriptor)
GIVES_HANDLE(cudnnCreateOpTensorDescriptor)
GIVES_HANDLE(cudnnCreateReduceTensorDescriptor)
GIVES_HANDLE(cudnnCreateDropoutDescriptor)

int cudaGetDeviceCount(int *count) { *count = 1; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGetAttribute(int *value) { *value = 8; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return index != 0; }
int cuDeviceGetName(char *name, int size, int device) { strcpy(name, "Stub"); return 0; }
int cuDeviceTotalMem_v2(size_t *total, int device) { *total = (size_t)4 << 30; return 0; }
int cuDriverGetVersion(int *version) { *version = 12020; return 0; }
int cudaRuntimeGetVersion(int *version) { *version = 11080; return 0; }
int cudnnGetVersion(void) { return 8906; }
int nvrtcVersion(int *major, int *minor) { *major = 11; *minor = 6; return 0; }
int cudaEventElapsedTime(float *milliseconds) { *milliseconds = 0; return 0; }
int cudaMemGetInfo(size_t *free_bytes, size_t *total) { *free_bytes = *total = (size_t)4 << 30; return 0; }
const char *cudaGetErrorString(int code) { return "no such error"; }
const char *cudaGetErrorName(int code) { return "no such error"; }
const char *cudnnGetErrorString(int code) { return "no such error"; }
int cuGetErrorName(int code, const char **name) { *name = "no such error"; return 0; }

/* Offsets of CUDA 11's cudaDeviceProp. */
int cudaGetDeviceProperties(char *properties, int device) {
    memset(properties, 0, 700);
    strcpy(properties, "none");
    *(size_t *)(properties + 288) = (size_t)4 << 30;  /* totalGlobalMem */
    *(size_t *)(properties + 296) = 49152;            /* sharedMemPerBlock */
    *(int *)(properties + 304) = 65536;               /* regsPerBlock */
    *(int *)(properties + 308) = 32;                  /* warpSize */
    *(int *)(properties + 320) = 1024;                /* maxThreadsPerBlock */
    for (int axis = 0; axis < 3; axis++) {
        *(int *)(properties + 324 + 4 * axis) = axis == 2 ? 64 : 1024;            /* maxThreadsDim */
        *(int *)(properties + 336 + 4 * axis) = axis == 0 ? 2147483647 : 65535;   /* maxGridSize */
    }
    *(int *)(properties + 360) = 8;                   /* major */
    *(int *)(properties + 388) = 100;                 /* multiProcessorCount */
    return 0;
}

int cudaMalloc(void **out, size_t size) {
    if (posix_memalign(out, 512, size + 512) != 0) return 2;
    memset(*out, 0, size + 512);
    return 0;
}
int cudaFree(void *memory) { free(memory); return 0; }
int cudaHostAlloc(void **out, size_t size, unsigned flags) { return cudaMalloc(out, size); }
int cudaFreeHost(void *memory) { free(memory); return 0; }

/* What the host reads is 0: no kernel has written it, and memory that was used before would look like results. */
int cudaMemcpy(void *to, const void *from, size_t size, int kind) {
    if (kind == 2) memset(to, 0, size); else memcpy(to, from, size);  /* 2: from the device to the host */
    return 0;
}
int cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, void *stream) {
    return cudaMemcpy(to, from, size, kind);
}
int cudaMemset(void *to, int value, size_t size) { memset(to, value, size); return 0; }
int cudaMemsetAsync(void *to, int value, size_t size, void *stream) { memset(to, value, size); return 0; }
