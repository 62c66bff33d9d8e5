// A stand-in for libnvidia-ml.so.1 with scripted GPUs. The script is in the
// environment, FAKE_NVML="gpus=2,watts=250,tick_ms=20":
//
//   gpus       how many there are (1)
//   watts      power of each (250); watts2 from after_ms on
//   tick_ms    how often the energy counter moves (20)
//   init_ms    how long nvmlInit takes (0); init_code what it answers (0)
//   call_ms    how long any later call takes, from after_ms on (0)
//   after_ms   when what follows begins, counted from nvmlInit (0):
//   lost       the GPU that falls off the bus then (none)
//   reset      the GPU whose counter begins at 0 again then (none)
//   no_energy  1: the GPUs have no energy counter
//   no_record  1: nor does the driver keep a record of power
//   no_power   1: nor does it show power now
//   use        how many percent of the time they run kernels (not told); use2 from
//              after_ms on
//   no_use     the GPU that does not tell that, from after_ms on (none)
//   no_limit   1: the GPUs tell no power limit
//   enforced   the power limit in force, in W (not told)
//   mig        the GPU that is cut into MIG instances (none)
//   vgpu       the GPU that is a virtual one (none)
//   gone       the GPU that was lost before the library was loaded (none)
//   denied     the GPU that may not be asked (none)
//   stuck      the GPU whose counter and power stand still at 0 (none)
//   stamps     1: the energy is stamped with the time of its tick, not of the call
//
// Built with -DOLD it is a driver of long ago: no functions _v2 and _v3, no field
// values and no energy.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OK = 0, INVALID = 2, UNSUPPORTED = 3, DENIED = 4, SMALL = 7, NOT_LOADED = 9, LOST = 15, MISMATCH = 18 };

typedef struct {
	int index;
} gpu;

typedef struct {
	unsigned id, scope;
	long long stamp, latency;
	unsigned type, code;
	union {
		unsigned long long u64;
		unsigned u32;
	} value;
} field;

typedef struct {
	unsigned long long stamp;
	unsigned long long value;
} sample;

static gpu gpus[64];
static double started;

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static long long wall(void) {
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static double script(const char *key, double otherwise) {
	const char *s = getenv("FAKE_NVML");
	size_t n = strlen(key);
	for (; s && *s; s = strchr(s, ',') ? strchr(s, ',') + 1 : "")
		if (!strncmp(s, key, n) && s[n] == '=')
			return atof(s + n + 1);
	return otherwise;
}

static void wait_ms(double ms) {
	struct timespec t = {(time_t)(ms / 1000), (long)(ms * 1e6) % 1000000000L};
	if (ms > 0)
		nanosleep(&t, NULL);
}

static int after(double t) { return t * 1000 >= script("after_ms", 0); }

static double power(double t) {
	double watts = script("watts", 250);
	return after(t) ? script("watts2", watts) : watts;
}

static double joules(double t) {
	double turn = script("after_ms", 0) / 1000, watts = script("watts", 250);
	return t < turn ? watts * t : watts * turn + script("watts2", watts) * (t - turn);
}

// call is what every call does first.
static unsigned call(gpu *g) {
	double t = now() - started;
	if (after(t))
		wait_ms(script("call_ms", 0));
	if (g && script("lost", -1) == g->index && after(t))
		return LOST;
	return g && script("denied", -1) == g->index ? DENIED : OK;
}

static int stuck(gpu *g) { return script("stuck", -1) == g->index; }

static double ticked_at(double t) {
	double tick = script("tick_ms", 20) / 1000;
	return (long)(t / tick) * tick;
}

static unsigned milliwatts(gpu *g, double t) { return stuck(g) ? 0 : power(t) * 1000; }

static unsigned long long counter(gpu *g) { // mJ, 5 MJ ahead
	double t = now() - started, ticked = ticked_at(t), ahead = 5e9, less = 0;
	if (stuck(g))
		return ahead;
	if (script("reset", -1) == g->index && after(t)) {
		less = joules(script("after_ms", 0) / 1000);
		ahead = 0;
	}
	double mj = ahead + (joules(ticked) - less) * 1000;
	return mj > 0 ? mj : 0;
}

static unsigned init(void) {
	wait_ms(script("init_ms", 0));
	started = now();
	return script("init_code", 0);
}

static unsigned count(unsigned *n) {
	*n = script("gpus", 1);
	return OK;
}

static unsigned handle(unsigned i, gpu **g) {
	if (script("gone", -1) == i)
		return LOST;
	gpus[i].index = i;
	*g = &gpus[i];
	return OK;
}

unsigned nvmlInit(void) { return init(); }
unsigned nvmlDeviceGetCount(unsigned *n) { return count(n); }
unsigned nvmlDeviceGetHandleByIndex(unsigned i, gpu **g) { return handle(i, g); }
unsigned nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(unsigned code) {
	switch (code) {
	case OK: return "Success";
	case UNSUPPORTED: return "Not Supported";
	case DENIED: return "Insufficient Permissions";
	case NOT_LOADED: return "Driver Not Loaded";
	case LOST: return "GPU is lost";
	case MISMATCH: return "RM has detected an NVML/RM version mismatch.";
	}
	return "Unknown Error";
}

unsigned nvmlSystemGetDriverVersion(char *s, unsigned n) {
	snprintf(s, n, "580.00");
	return OK;
}

unsigned nvmlDeviceGetUUID(gpu *g, char *s, unsigned n) {
	snprintf(s, n, "GPU-0000000%d-fake-0000-0000-000000000000", g->index);
	return OK;
}

unsigned nvmlDeviceGetName(gpu *g, char *s, unsigned n) {
	snprintf(s, n, "NVIDIA Fake 400");
	return OK;
}

unsigned nvmlDeviceGetPowerManagementLimitConstraints(gpu *g, unsigned *least, unsigned *most) {
	*least = 100000, *most = 400000;
	return script("no_limit", 0) ? UNSUPPORTED : OK;
}

unsigned nvmlDeviceGetPowerUsage(gpu *g, unsigned *mw) {
	unsigned code = call(g);
	*mw = milliwatts(g, now() - started);
	return code ? code : script("no_power", 0) ? UNSUPPORTED : OK;
}

#ifndef OLD

unsigned nvmlDeviceGetUtilizationRates(gpu *g, unsigned *use) {
	unsigned code = call(g);
	double t = now() - started, percent = script("use", -1);
	if (after(t))
		percent = script("use2", percent);
	use[0] = percent < 0 ? 0 : percent, use[1] = 0;
	if (percent < 0 || script("mig", -1) == g->index || (script("no_use", -1) == g->index && after(t)))
		return code ? code : UNSUPPORTED;
	return code;
}

unsigned nvmlDeviceGetEnforcedPowerLimit(gpu *g, unsigned *mw) {
	*mw = script("enforced", 0) * 1000;
	return *mw ? OK : UNSUPPORTED;
}

unsigned nvmlDeviceGetMigMode(gpu *g, unsigned *mode, unsigned *pending) {
	*mode = *pending = script("mig", -1) == g->index;
	return OK;
}

unsigned nvmlDeviceGetVirtualizationMode(gpu *g, unsigned *mode) {
	*mode = script("vgpu", -1) == g->index ? 2 : 0; // NVML_GPU_VIRTUALIZATION_MODE_VGPU
	return OK;
}

unsigned nvmlInit_v2(void) { return init(); }
unsigned nvmlDeviceGetCount_v2(unsigned *n) { return count(n); }
unsigned nvmlDeviceGetHandleByIndex_v2(unsigned i, gpu **g) { return handle(i, g); }

unsigned nvmlDeviceGetTotalEnergyConsumption(gpu *g, unsigned long long *mj) {
	unsigned code = call(g);
	*mj = counter(g);
	return code ? code : script("no_energy", 0) ? UNSUPPORTED : OK;
}

unsigned nvmlDeviceGetFieldValues(gpu *g, int n, field *f) {
	unsigned code = call(g);
	for (int i = 0; i < n; i++) {
		f[i].stamp = wall();
		f[i].code = f[i].scope ? INVALID : OK;
		f[i].type = 3;
		if ((f[i].id == 83 || f[i].id == 191) && !script("no_energy", 0)) {
			double t = now() - started;
			f[i].value.u64 = counter(g);
			if (script("stamps", 0))
				f[i].stamp -= (t - ticked_at(t)) * 1e6;
		} else if (f[i].id == 186 && !script("no_power", 0)) {
			f[i].type = 1;
			f[i].value.u64 = ~0ULL; // only the lower half is set
			f[i].value.u32 = milliwatts(g, now() - started);
		} else {
			f[i].code = UNSUPPORTED;
		}
	}
	return code;
}

unsigned nvmlDeviceGetSamples(gpu *g, unsigned kind, unsigned long long since, unsigned *type, unsigned *n, sample *list) {
	unsigned code = call(g), got = 0, room = list ? *n : 0;
	if (script("no_energy", 0) == 0 || script("no_record", 0) || kind != 0)
		return UNSUPPORTED;
	*type = 1;
	if (!list) {
		*n = 120;
		return code;
	}
	double t = now() - started;
	for (long k = (long)(t / 0.02) - 119; k <= (long)(t / 0.02) && got < room; k++) {
		unsigned long long stamp = wall() - (unsigned long long)((t - k * 0.02) * 1e6);
		if (k >= 0 && stamp > since) {
			list[got].stamp = stamp;
			list[got++].value = 0xdead00000000ULL | milliwatts(g, k * 0.02);
		}
	}
	*n = got;
	return code;
}

// What the driver of this process has used: all of it, by whoever asks.
unsigned nvmlDeviceGetComputeRunningProcesses_v3(gpu *g, unsigned *n, void *list) {
	*n = 0;
	return call(g);
}

#endif
