"""Champion against challenger: what a new bundle must prove before it takes the place of the old one."""
