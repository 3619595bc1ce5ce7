/* SPDX-License-Identifier: MIT */
typedef int op_writer_follows;
