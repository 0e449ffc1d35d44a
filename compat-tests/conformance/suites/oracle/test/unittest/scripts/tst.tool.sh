#!/bin/sh
isainfo -k
