/*
 * topics.h - what the pressure sensor service says: samples, hits, and how well it hears.
 *
 * SPDX-FileCopyrightText: The Outpost authors
 * SPDX-License-Identifier: MIT
 */
#ifndef OUTPOST_SENSORHUB_PBT_TOPICS_H
#define OUTPOST_SENSORHUB_PBT_TOPICS_H

#include <outpost/topic.h>

/* settling: the start baseline is being measured, the detector is off. The others are the states
 * of the contract's detector; a sample is published in every one of them. */
#define PBT_PHASE_LABELS "settling|armed|capture|pulse|refractory|wait"

#define PBT_SAMPLE_FIELDS(F, E, T)                                            \
	F(f32, baseline, "counts", "slow mean the signal is rectified about") \
	F(f32, envelope, "counts", "smoothed distance from the baseline")     \
	F(u16, raw, "counts", "reading of the 10-bit converter")              \
	E(phase, PBT_PHASE_LABELS, "state of the hit detector after this sample")
OP_TOPIC_DECLARE(pbt_sample, PBT_SAMPLE_FIELDS);

#define PBT_HIT_FIELDS(F, E, T)                                         \
	F(u64, trigger_seq, "", "pbt.sample that passed the threshold") \
	F(u64, fire_seq, "", "pbt.sample that ended the capture")       \
	F(f64, peak, "counts", "highest envelope between both")         \
	F(f64, width_ms, "ms", "pulse width for this peak")             \
	F(f64, baseline, "counts", "baseline when the capture ended")   \
	F(u32, number, "", "hits since the service started")            \
	E(end, "dropped|window", "the envelope halved, or the capture window was over")
OP_TOPIC_DECLARE(pbt_hit, PBT_HIT_FIELDS);

#define PBT_STATS_FIELDS(F, E, T)                                                     \
	F(u64, bytes, "B", "bytes read")                                              \
	F(u64, lines, "", "complete lines, of any kind")                              \
	F(u64, samples, "", "lines that were a sample")                               \
	F(u64, comments, "", "lines that start with #")                               \
	F(u64, texts, "", "known text lines, credits for example")                    \
	F(u64, rejected, "", "lines that were neither")                               \
	F(u64, overlong, "", "lines over 64 bytes, thrown away")                      \
	F(u64, lost_rate, "", "samples fewer than the nominal rate over ten seconds") \
	F(u64, lost_board, "", "samples the board counted and we did not get")        \
	F(u64, overruns, "", "characters the driver or the UART dropped")             \
	F(u64, framing, "", "framing, parity and break errors of the line")           \
	F(u64, hits, "", "hits detected")                                             \
	F(u64, opens, "", "times the device was opened")                              \
	F(f64, rate_hz, "Hz", "samples per second, measured")                         \
	F(f32, threshold, "counts", "envelope that starts a capture")                 \
	F(f32, end_level, "counts", "envelope that ends it")                          \
	F(f32, rearm_level, "counts", "envelope that arms the detector again")        \
	F(f32, baseline, "counts", "baseline now")                                    \
	E(link, "missing|settling|live|silent|noise", "state of the device")          \
	T(device, 95, "path that is open, or is looked for")
OP_TOPIC_DECLARE(pbt_stats, PBT_STATS_FIELDS);

#endif
