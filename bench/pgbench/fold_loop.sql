SELECT fold_loop(:stream);
