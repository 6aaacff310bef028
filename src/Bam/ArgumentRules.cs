namespace Bam;

/// <summary>
/// Checks what a program passes inside an argument: properties of its options, entries of its lists. Each check throws an
/// <see cref="ArgumentException"/> with the parameter's name, <c>argument</c>.
/// </summary>
internal static class ArgumentRules
{
    /// <summary>Refuses null.</summary>
    public static void RequireValue(object? value, string name, string argument)
    {
        if (value is null) throw Null(name, argument);
    }

    /// <summary>Refuses null and an empty text.</summary>
    public static void RequireText(string? value, string name, string argument)
    {
        RequireValue(value, name, argument);
        if (value!.Length == 0) throw new ArgumentException($"{name} is empty", argument);
    }

    /// <summary>Refuses null, also as an entry.</summary>
    public static void RequireValues(IReadOnlyList<string?>? values, string name, string argument)
    {
        RequireValue(values, name, argument);
        for (var i = 0; i < values!.Count; i++) RequireValue(values[i], $"{name}[{i}]", argument);
    }

    /// <summary>Refuses null, and entries that are null or empty.</summary>
    public static void RequireTexts(IReadOnlyList<string?>? values, string name, string argument)
    {
        RequireValue(values, name, argument);
        for (var i = 0; i < values!.Count; i++) RequireText(values[i], $"{name}[{i}]", argument);
    }

    private static ArgumentException Null(string name, string argument) =>
        name == argument ? new ArgumentNullException(argument) : new ArgumentException($"{name} is null", argument);
}
