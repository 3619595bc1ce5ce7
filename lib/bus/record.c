/* SPDX-License-Identifier: MIT */
typedef int op_record_follows;
