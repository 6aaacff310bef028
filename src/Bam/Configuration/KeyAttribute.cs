namespace Bam.Configuration;

/// <summary>
/// Makes a property a key of a YAML file. Together with the property's type, its initial value (the default) and C#'s
/// <c>required</c>, it is the one description from which reading, validation, the JSON schema and the resolved file come.
/// </summary>
/// <param name="description">What the key means to the person who writes the file, with its unit.</param>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class KeyAttribute(string description) : Attribute
{
    /// <summary>What the key means to the person who writes the file, with its unit.</summary>
    public string Description { get; } = description;

    /// <summary>The smallest number allowed; of a list, of each entry.</summary>
    public double Minimum { get; init; } = double.NegativeInfinity;

    /// <summary>The largest number allowed; of a list, of each entry.</summary>
    public double Maximum { get; init; } = double.PositiveInfinity;

    /// <summary>True: <see cref="Minimum"/> itself is not allowed.</summary>
    public bool AboveMinimum { get; init; }

    /// <summary>True: <see cref="Maximum"/> itself is not allowed.</summary>
    public bool BelowMaximum { get; init; }

    /// <summary>
    /// True: the text is a path, and a relative one is taken from the folder of the file that names it. Of an
    /// <see cref="InlineValue"/>, only texts with a '/' or the ending ".json" are paths; others are names.
    /// </summary>
    public bool IsPath { get; init; }

    /// <summary>False: two runs that differ only here still compute the same (see <see cref="ConfigDifference"/>).</summary>
    public bool ChangesResult { get; init; } = true;
}
