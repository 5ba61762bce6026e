"""What the world can look up about a sender: DKIM (RFC 6376), SPF (RFC 7208) and DMARC (RFC 9989)."""

from newsletter.press.senders.examine import examine
from newsletter.press.senders.lookup import Dns, Host, Lookup, Unanswered
from newsletter.press.senders.remark import Remark

__all__ = ["Dns", "Host", "Lookup", "Remark", "Unanswered", "examine"]
