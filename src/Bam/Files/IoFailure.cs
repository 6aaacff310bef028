namespace Bam.Files;

/// <summary>What the system said, in words a user can act on.</summary>
internal static class IoFailure
{
    private const int WouldBlock = 11;
    private const int NoSpaceLeft = 28;
    private const int QuotaExceeded = 122;

    /// <summary>Whether a file could not be opened because another process has locked it.</summary>
    internal static bool IsLock(IOException failure) => failure.HResult == WouldBlock;

    /// <summary>A few words without the temporary names that .NET puts in its messages.</summary>
    public static string Describe(Exception failure) => failure.HResult switch
    {
        NoSpaceLeft => "the disk is full",
        QuotaExceeded => "the disk quota is used up",
        _ when failure is UnauthorizedAccessException => "permission denied",
        _ => TemporarySibling.Displayed(failure.Message.Split(" : '")[0].TrimEnd('.')),
    };
}
