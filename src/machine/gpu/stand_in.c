/* A stand-in for NVML's library: two GPUs with known figures. -DLACKS leaves functions out, -DFAILS has them fail, -DDEAD has the driver not start. */
#include <string.h>

typedef int nvmlReturn_t;
enum { SUCCESS = 0, NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7, DRIVER_NOT_LOADED = 9, UNKNOWN = 999 };
typedef void *nvmlDevice_t;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } Memory;
typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned pid; unsigned long long used; unsigned gpu_instance, compute_instance; } Process;
typedef struct { unsigned pid; unsigned long long at; unsigned sm, mem, enc, dec; } Sample;

static nvmlReturn_t answer(void) {
#ifdef FAILS
  return UNKNOWN;
#else
  return SUCCESS;
#endif
}

nvmlReturn_t nvmlInitWithFlags(unsigned flags) {
  (void)flags;
#ifdef DEAD
  return DRIVER_NOT_LOADED;
#else
  return SUCCESS;
#endif
}
nvmlReturn_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
nvmlReturn_t nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(nvmlReturn_t code) { (void)code; return "stand-in"; }
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return SUCCESS; }
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *device) { *device = (void *)(1L + index); return SUCCESS; }
nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned length) {
  (void)length;
  strcpy(uuid, device == (void *)1L ? "GPU-one" : "GPU-two");
  return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, Utilization *rates) {
  rates->gpu = device == (void *)1L ? 40 : 80;
  rates->memory = 5;
  return answer();
}
nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, Memory *memory) {
  (void)device;
  memory->total = 1000 << 20; memory->reserved = 0; memory->used = 300 << 20; memory->free = 700 << 20;
  return answer();
}
#ifndef LACKS
nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, int sensor, unsigned *celsius) { (void)device; (void)sensor; *celsius = 61; return answer(); }
nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned *milliwatts) { (void)device; *milliwatts = 250500; return answer(); }
nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device, unsigned long long *reasons) {
  /* the first slows down because it is hot, the second because it has nothing to do */
  *reasons = device == (void *)1L ? 0x40 : 0x1;
  return answer();
}
nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device, Sample *samples, unsigned *count, unsigned long long since) {
  (void)since;
  if (answer() != SUCCESS) return answer();
  if (*count < 2) { *count = 2; return INSUFFICIENT_SIZE; }
  samples[0] = (Sample){7, 100, device == (void *)1L ? 10 : 0, 0, 0, 0};
  samples[1] = (Sample){7, 200, device == (void *)1L ? 30 : 0, 0, 0, 0};
  *count = 2;
  return SUCCESS;
}
#endif
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned *count, Process *processes) {
  if (answer() != SUCCESS) return answer();
  if (*count < 2) { *count = 2; return INSUFFICIENT_SIZE; }
  processes[0] = (Process){7, device == (void *)1L ? 100 << 20 : 20 << 20, 0xFFFFFFFF, 0xFFFFFFFF};
  processes[1] = (Process){8, 50 << 20, 0xFFFFFFFF, 0xFFFFFFFF};
  *count = 2;
  return SUCCESS;
}
nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(nvmlDevice_t device, unsigned *count, Process *processes) {
  /* who computes may draw as well, and then is told twice */
  return nvmlDeviceGetComputeRunningProcesses_v3(device, count, processes);
}
