namespace Bam.Checkpoints;

/// <summary>A key of <c>config.json</c> that two models have with different values.</summary>
/// <param name="Key">The key.</param>
/// <param name="First">The first model's value as JSON; "null" where absent.</param>
/// <param name="Second">The second model's.</param>
/// <param name="ChangesArithmetic">False for what describes the file, generation or the training loss only.</param>
internal sealed record ConfigDifference(string Key, string First, string Second, bool ChangesArithmetic);
