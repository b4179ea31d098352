#!/bin/sh
exec cat /etc/greeting
