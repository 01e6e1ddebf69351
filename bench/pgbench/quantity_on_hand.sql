\set n random(1, :skus)
SELECT quantity_on_hand('SKU-' || :set || '-' || :n);
