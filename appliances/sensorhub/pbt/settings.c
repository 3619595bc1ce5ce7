/*
 * settings.c - the table of settings; --help, --check and the reference come from it.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#include "settings.h"

#include "lib/dev/serial.h"

static const char *const schemes[] = {"serial", NULL};
static const char *const senses[] = {"profile", "inverse", "direct", NULL};

#define AT(member) .offset = offsetof(struct pbt_settings, member)
#define NUMBER(member, lowest, highest, unit_, help_)                                         \
	{                                                                                     \
#member, OP_SET_FLOAT, AT(member), .def = "0", .min = lowest, .max = highest, \
						   .unit = unit_,                             \
						   .help = help_ "; 0: as the profile says"   \
	}
#define WHOLE(member, def_, lowest, highest, unit_, help_)                                   \
	{                                                                                    \
#member, OP_SET_INT, AT(member), .def = def_, .min = lowest, .max = highest, \
						 .unit = unit_, .help = help_                \
	}

const struct op_setting pbt_settings_table[] = {
	{"device", OP_SET_DEVICE, AT(device), .def = "serial:/dev/ttyUSB0?baud=115200",
	 .choices = schemes,
	 .help = "board: serial:PATH?baud=RATE&id=TEXT, where PATH may be a pattern"},
	{"by_id_dir", OP_SET_STRING, AT(by_id_dir),
	 .size = sizeof(((struct pbt_settings *)0)->by_id_dir), .def = "/dev/serial/by-id",
	 .help = "where the system keeps links that identify serial ports"},
	{"profile", OP_SET_CHOICE, AT(profile), .def = "default", .choices = op_hit_profile_names,
	 .help = "named set of filter constants, levels and pulse widths"},
	{"samples_per_s", OP_SET_FLOAT, AT(samples_per_s), .def = "800", .min = 1, .max = 100000,
	 .unit = "Hz", .help = "nominal rate of the board"},
	NUMBER(envelope_alpha, 0, 1, "", "share of a new sample in the envelope"),
	NUMBER(baseline_alpha, 0, 1, "", "share of a new sample in the baseline"),
	NUMBER(threshold, 0, 1023, "counts", "envelope that starts a capture"),
	NUMBER(end_ratio, 0, 1, "", "share of the threshold that ends a capture"),
	NUMBER(rearm_ratio, 0, 1, "", "share of the threshold under which the detector arms again"),
	NUMBER(capture_ms, 0, 60000, "ms", "longest capture"),
	NUMBER(refractory_ms, 0, 60000, "ms", "rest after the pulse sequence"),
	NUMBER(hold_ms, 0, 60000, "ms", "length of the pulse sequence beyond the width"),
	NUMBER(min_sample, 0, 1023, "counts", "lower samples are passed over"),
	NUMBER(min_peak, 0, 1023, "counts", "lower peaks are no hit"),
	NUMBER(peak_min, 0, 1023, "counts", "peak at the lower end of the width mapping"),
	NUMBER(peak_max, 0, 1023, "counts", "peak at the upper end of the width mapping"),
	NUMBER(width_min_ms, 0, 60000, "ms", "shortest pulse"),
	NUMBER(width_max_ms, 0, 60000, "ms", "longest pulse"),
	{"sense", OP_SET_CHOICE, AT(sense), .def = "profile", .choices = senses,
	 .help = "whether a higher peak makes a shorter pulse (inverse) or a longer one (direct)"},
	{"freeze_baseline", OP_SET_BOOL, AT(freeze_baseline), .def = "false",
	 .help = "hold the baseline from a trigger until the detector is armed again"},
	{"one_sided", OP_SET_BOOL, AT(one_sided), .def = "false",
	 .help = "only excursions upward count"},
	{"max_wait_ms", OP_SET_FLOAT, AT(max_wait_ms), .def = "0", .min = 0, .max = 600000,
	 .unit = "ms",
	 .help = "longest wait for the envelope to fall before the baseline is measured anew; "
		 "0: for ever"},
	WHOLE(settle_samples, "160", 16, OP_SETTLE_WINDOW_MAX, "", "samples of the start baseline"),
	WHOLE(settle_band, "20", 1, 511, "counts", "distance from their median that is still rest"),
	WHOLE(settle_max_ms, "10000", 100, 600000, "ms",
	      "wait for rest before the median is taken as it is"),
	WHOLE(settle_gap_ms, "1500", 10, 60000, "ms",
	      "pause in the data after which the baseline is measured anew"),
	WHOLE(first_ms, "6000", 100, 60000, "ms",
	      "wait for the first sample after opening, longer than the board takes to boot"),
	WHOLE(silence_ms, "2000", 100, 60000, "ms", "pause after which the device is opened anew"),
	WHOLE(retry_first_ms, "100", 10, 60000, "ms",
	      "pause before the first attempt to open again"),
	WHOLE(retry_ms, "1000", 10, 60000, "ms", "pause between the attempts after that"),
};
const size_t pbt_settings_count = OP_ARRAY_SIZE(pbt_settings_table);

void pbt_settings_check(const struct op_config *c, const char *service, const void *settings,
			struct op_buf *errors)
{
	const struct pbt_settings *s = settings;
	struct op_serial_params params;
	OP_AUTO_BUF struct op_buf wrong;
	op_buf_init(&wrong, 1024);
	bool baud = op_device_uri_param(&s->device, "baud", NULL);
	if (op_serial_params(&s->device, s->by_id_dir, &params, &wrong) < 0)
		op_config_wrong(c, service, baud ? "device.baud" : "device", errors, "%s",
				wrong.data);
	else if (params.path[0] != '/')
		op_config_wrong(c, service, "device.path", errors,
				"expected a path that begins with /, not \"%s\"", params.path);
}

static void override(double *value, double set)
{
	if (set > 0)
		*value = set;
}

static void override_width(struct op_width_map *m, const struct pbt_settings *s)
{
	bool inverse =
		s->sense == PBT_SENSE_PROFILE ? op_width_inverse(m) : s->sense == PBT_SENSE_INVERSE;
	bool ends = s->sense != PBT_SENSE_PROFILE || s->width_min_ms > 0 || s->width_max_ms > 0;
	override(&m->peak_min, s->peak_min);
	override(&m->peak_max, s->peak_max);
	override(&m->width_min_ms, s->width_min_ms);
	override(&m->width_max_ms, s->width_max_ms);
	if (!ends)
		return;
	m->at_min_ms = inverse ? m->width_max_ms : m->width_min_ms;
	m->at_max_ms = inverse ? m->width_min_ms : m->width_max_ms;
}

struct op_hit_chain_params pbt_settings_chain(const struct pbt_settings *s, size_t profile)
{
	struct op_hit_chain_params p = {
		.profile = *op_hit_profile_at(profile),
		.settle = {.window = (unsigned)s->settle_samples,
			   .band = (unsigned)s->settle_band,
			   .max_samples =
				   (unsigned)(s->samples_per_s * (double)s->settle_max_ms / 1000)},
		.rate_hz = s->samples_per_s,
		.max_wait_ms = s->max_wait_ms,
		.freeze_baseline = s->freeze_baseline,
		.one_sided = s->one_sided,
	};
	override(&p.profile.envelope_alpha, s->envelope_alpha);
	override(&p.profile.baseline_alpha, s->baseline_alpha);
	override(&p.profile.threshold, s->threshold);
	override(&p.profile.end_ratio, s->end_ratio);
	override(&p.profile.rearm_ratio, s->rearm_ratio);
	override(&p.profile.capture_ms, s->capture_ms);
	override(&p.profile.refractory_ms, s->refractory_ms);
	override(&p.profile.hold_ms, s->hold_ms);
	override(&p.profile.min_sample, s->min_sample);
	override(&p.profile.min_peak, s->min_peak);
	override_width(&p.profile.width, s);
	return p;
}

struct op_link_params pbt_settings_link(const struct pbt_settings *s)
{
	return (struct op_link_params){
		.first_ms = (unsigned)s->first_ms,
		.silence_ms = (unsigned)s->silence_ms,
		.retry_first_ms = (unsigned)s->retry_first_ms,
		.retry_ms = (unsigned)s->retry_ms,
	};
}
