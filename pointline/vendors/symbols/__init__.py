"""Lists of symbols as vendors write them: the JSON of Tardis and of Binance, the columns of QuantConnect and others."""
