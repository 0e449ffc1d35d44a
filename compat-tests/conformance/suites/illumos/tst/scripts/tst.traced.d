#pragma D option quiet
BEGIN { exit($target == 0); }
