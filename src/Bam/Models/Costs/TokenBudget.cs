namespace Bam.Models.Costs;

/// <summary>The tokens of the three phases.</summary>
/// <param name="Seed">Of the seed; 0 when it is there already.</param>
/// <param name="Copies">How many specialised copies of the seed there are.</param>
/// <param name="Copy">Of each specialised copy; 0 when they are there already.</param>
/// <param name="Mixture">Of each mixture.</param>
internal sealed record TokenBudget(double Seed, int Copies, double Copy, double Mixture)
{
    /// <summary>The specialised copies of the paper: law, code and mathematics.</summary>
    public const int PaperCopies = 3;

    /// <summary>Tokens of each of the paper's specialised copies.</summary>
    public const double PaperCopyTokens = 100e9;

    /// <summary>Tokens of the paper's seeds, by preset.</summary>
    public static IReadOnlyDictionary<string, double> PaperSeedTokens { get; } = new Dictionary<string, double> { ["small"] = 400e9, ["large"] = 750e9 };
}
